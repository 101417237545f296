/** Texts that have tripped parsers, paths, objects and screens before. */
export const texts = [
  '', ' ', '\t', '\n', '\r\n', '\u0000', 'a\u0000b', '\u007f', '\u0085', '.', '..', '...', '/', '//', '/..', '../../etc/passwd', 'a/../b', '\\', 'a\\b', '%', '%00',
  '%2e%2e', '%2F', '%252e', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'undefined', 'null', 'NaN', 'true', '0', '-0', '1', '007',
  '1e3', '0x10', '1.5', '-1', '9007199254740991', '9007199254740993', '18446744073709551616', '1e400', '_', '_system', '*', '"', '\'', '`', '$' + '{1}', '{{1}}', '<script>', ';', ':',
  '?', '#', '&a=b', '=', '+', ',', '\u200b', '\u202e', '\u2028', '\ufeff', '\uffff', 'é', 'e\u0301', 'аpple', 'ß', 'İ', '😀', '👩‍👩‍👧', 'ﷺ', '日本', 'x'.repeat(129), 'x'.repeat(1025),
  'é'.repeat(300), 'a/'.repeat(20) + 'a',
]

/** Pieces of a path that are not the encoding of any text, or of one that should not be there. */
export const segments = [
  '', '%', '%2', '%zz', '%ff', '%c0%af', '%c0%ae%c0%ae', '%e0%80%af', '%ed%a0%80', '%f4%90%80%80', '%00', '%0d%0a', '%2e', '%2e%2e', '%2e%2e%2f', '..%2f', '..%5c', '.', '..', '...', ';a=b',
  ':tenant', '{tenant}', '*', '%25', '%2525', '%u002e', 'a%2Fb%2Fc', '~', '$&', '@', '!', 'x'.repeat(3000),
]

/** What may follow a path instead of names and values. */
export const queries = [
  '?', '?&', '?=', '?&&&', '??', '?a', '?%', '?%00=1', '?#', '?limit', '?limit=', '?since[]=1', '?tag[0]=a', '?limit[a]=1', '?__proto__[a]=1', '?a=b;c=d', '#',
]

/** JSON texts that stand where a value is expected. */
export const values = [
  'null', 'true', 'false', '0', '-0', '-1', '1', '1.5', '1e3', '1e300', '1e400', '-1e400', '9007199254740991', '9007199254740993', '12345678901234567890', '1e-400', '""', '[]', '{}', '[[]]', '[null]',
  '{"__proto__":1}', '{"constructor":{"prototype":{"a":1}}}', '{"data":1}', '{"data":{"data":1}}', '[{"data":[{"data":1}]}]', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '{"":1}',
  '['.repeat(90) + ']'.repeat(90), '{"a":'.repeat(50) + '1' + '}'.repeat(50),
]

/** Bodies that are no JSON, or JSON of a kind that is refused. */
export const bodies = [
  '', ' ', '{', '}', '[', '"', '{"', '{"a', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{,}', '{a:1}', "{'a':1}", '{"a" 1}', '[1 2]', '[1,]', 'nul', 'True', 'NaN', 'Infinity', '-', '+1', '01', '1.', '.1',
  '1e', '0x1', '"\n"', '"\\x"', '"\\u12"', '/**/{}', '{}{}', '{} x', '\ufeff{}', '{"data":1,"data":2}', '{"a":1,"\\u0061":2}', '{"data":', '{"data":[}', '{"data":"\\', '[[[['.repeat(25_000), '{"a":'.repeat(25_000),
  '{"data":' + '['.repeat(100_000), '"' + '\\'.repeat(1001), '9'.repeat(10_000), 'a=b&c=d', '<xml/>',
].map((text) => Buffer.from(text)).concat([
  // No UTF-8, UTF-8 of another name for a character, and other encodings.
  'ff', '22ff22', '22c08022', '22eda08022', '22f490808022', '22e28222', 'feff007b007d', '7b007d00', '7b7d00',
].map((digits) => Buffer.from(digits, 'hex')))

/** Values of headers. They fit a line; what does not is tried over sockets. */
export const headers = [
  '', ' ', '*', '*/*', 'a', '0', '-1', '1e3', '99999999999999999999', '"', '""', '"x"', '"1"', 'W/"1"', 'W/', '"1", "2"', '"1" "2"', 'null', '__proto__', 'constructor', 'application/json', 'application/json;',
  'application/json; charset=utf-8', 'application/json; charset=utf-16', 'application/json; charset="', 'application/problem+json', 'application/x+json', 'text/plain', 'text/event-stream', 'application/x-ndjson', 'text/event-stream;q=0',
  'text/html,*/*;q=0.1', 'multipart/form-data', 'multipart/form-data; boundary=', 'application/x-www-form-urlencoded', ';', ',', ',,', ';;;q=1', 'a/b/c', '/', 'wait=1', 'wait=-1', 'wait=1e9', 'wait="1"', 'wait', 'WAIT=1, wait=2',
  'respond-async; wait=0', 'now', '1.0', '\u00e9', '\u00ff\u00fe', 'x'.repeat(3000), '%00', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-00000000000000000000000000000000-00f067aa0ba902b7-01', 'close', 'upgrade', '100-continue',
]
