import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Prints the feed, page by page, and goes on as changes are made: java Follow.java http://127.0.0.1:9000 */
public class Follow {
    private static final Pattern NEXT = Pattern.compile("<([^>]+)>; rel=\"next\"");
    private static final Pattern CODE = Pattern.compile("\"code\":\"([A-Z_]+)\"");

    public static void main(String[] args) throws InterruptedException {
        URI node = URI.create(args.length > 0 ? args[0] : "http://127.0.0.1:9000");
        HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
        // Where the next page begins is all that a reader has to keep. The node waits with the answer until there is one.
        URI next = node.resolve("/changes?since=0&block=30");
        while (true) {
            CompletableFuture<HttpResponse<String>> answer =
                client.sendAsync(HttpRequest.newBuilder(next).build(), BodyHandlers.ofString());
            try {
                HttpResponse<String> response = answer.get(60, TimeUnit.SECONDS);
                if (response.statusCode() == 200) {
                    if (!response.body().startsWith("{\"changes\":[]")) System.out.println(response.body());
                    next = node.resolve(found(NEXT, response.headers().firstValue("link").orElse("")));
                    continue;
                }
                System.err.println(response.body());
                String code = found(CODE, response.body());
                // What was read so far belongs to a past that the node no longer has: begin anew with GET /snapshot.
                if (code.equals("HISTORY_GONE") || code.equals("REVISION_AHEAD")) System.exit(1);
            } catch (ExecutionException | TimeoutException error) {
                answer.cancel(true);
                System.err.println(error + "; trying again");
            }
            Thread.sleep(1000);
        }
    }

    private static String found(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        return matcher.find() ? matcher.group(1) : "";
    }
}
