/** An error as people read about it. */
export interface ExplainedError {
  code: string
  status: number
  title: string
  /** What a client is told, for an example of it. */
  detail: string
  /** The members that it has beside those of RFC 9457. */
  members: readonly string[]
}

/** The list of errors as a page of HTML. The `type` of each problem document is a link into it. */
export function renderErrorsPage (errors: readonly ExplainedError[]): string {
  const sections = errors.map(({ code, status, title, detail, members }) => `
<section id="${code}">
<h2>${code}</h2>
<p><b>${status}</b> ${escape(title)}</p>
<blockquote>${escape(detail)}</blockquote>
<p>It carries <code>${members.join('</code>, <code>')}</code>.</p>
</section>`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Changewell: errors</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }
:target { background: #fff3bf }</style>
<h1>Errors</h1>
<p>Every error is a problem document (RFC 9457) with one of these codes. Each is shown with an example of its detail.</p>
${sections.join('')}
</html>
`
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
