import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.ProxySelector;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Java's {@link HttpClient}, one for the life of the process: a request is a line of JSON on standard
 * input, its answer a line on standard output.
 *
 * <p>The client does not read a response's {@code Keep-Alive}; it keeps an idle connection for
 * {@code jdk.httpclient.keepalive.timeout}, 1200 s in JDK 17 and 30 s since JDK 20, or until the
 * server closes it (ConnectionPool.java; module documentation of java.net.http).
 */
final class Driver {
    private final HttpClient client;

    private Driver(HttpClient client) {
        this.client = client;
    }

    public static void main(String[] arguments) throws Exception {
        // These are read once, when the client's classes are loaded.
        System.setProperty("jdk.httpclient.allowRestrictedHeaders", "connection,content-length,expect,host");
        // A GET whose connection ends before the response begins is sent again, once, unless a
        // single attempt is all there may be. Nothing else makes a cut visible here.
        System.setProperty("jdk.httpclient.redirects.retrylimit", "1");
        System.setProperty("jdk.httpclient.disableRetryConnect", "true");

        boolean insecure = false;
        for (String argument : arguments) {
            if (!argument.equals("--insecure")) {
                System.err.println("unknown argument " + argument + "; there is --insecure");
                System.exit(2);
            }
            insecure = true;
        }
        // With a client of its own: the one of the cases has fetched nothing so far.
        HttpClient another = newClient(insecure);
        WarmUp.overTcp(another);
        if (insecure) {
            WarmUp.overTls(another);
        }
        Driver driver = new Driver(newClient(insecure));

        PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String name = "Java HttpClient " + System.getProperty("java.version");
        output.println("{\"ready\":" + Json.quote(name) + "}");
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            output.println(driver.answer(line));
        }
    }

    private static HttpClient newClient(boolean insecure) throws GeneralSecurityException {
        HttpClient.Builder builder =
                HttpClient.newBuilder()
                        // Otherwise a request without TLS asks for an upgrade to HTTP/2.
                        .version(HttpClient.Version.HTTP_1_1)
                        .followRedirects(HttpClient.Redirect.NEVER)
                        // None: that of the JVM's properties is the default.
                        .proxy(ProxySelector.of(null));
        if (insecure) {
            builder.sslContext(trustingAnyone());
        }
        return builder.build();
    }

    /** What is said to a line. */
    private String answer(String line) throws InterruptedException {
        HttpRequest request;
        long timeout;
        try {
            Map<?, ?> asked = (Map<?, ?>) Json.parse(line);
            request = request(asked);
            timeout = ((Double) asked.get("timeout_millis")).longValue();
        } catch (ClassCastException | NullPointerException | IndexOutOfBoundsException wrong) {
            return failed("not a request: " + line, false);
        } catch (IllegalArgumentException wrong) {
            return failed(wrong.getMessage(), false);
        }
        long start = System.nanoTime();
        // Not HttpRequest.timeout(): it ends with the header of the response.
        CompletableFuture<HttpResponse<byte[]>> exchange =
                client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray());
        try {
            HttpResponse<byte[]> response = exchange.get(timeout, TimeUnit.MILLISECONDS);
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            return String.format("{\"status\":%d,\"body_bytes\":%d,\"millis\":%d}",
                    response.statusCode(), response.body().length, millis);
        } catch (TimeoutException late) {
            exchange.cancel(true);
            return failed("no response within " + timeout + " ms", true);
        } catch (ExecutionException error) {
            return failed(causes(error.getCause()), false);
        }
    }

    private static HttpRequest request(Map<?, ?> asked) {
        String body = (String) asked.get("body");
        String method = (String) asked.get("method");
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create((String) asked.get("url")));
        if (body != null) {
            builder.method(method, HttpRequest.BodyPublishers.ofString(body));
        } else if (method.equals("GET")) {
            // method() with an empty body would send `Content-Length: 0`.
            builder.GET();
        } else {
            builder.method(method, HttpRequest.BodyPublishers.noBody());
        }
        for (Object field : (List<?>) asked.get("headers")) {
            List<?> pair = (List<?>) field;
            builder.header((String) pair.get(0), (String) pair.get(1));
        }
        return builder.build();
    }

    private static String failed(String error, boolean timeout) {
        return "{\"error\":" + Json.quote(error) + ",\"timeout\":" + timeout + "}";
    }

    /** An error and what caused it, outermost first. */
    private static String causes(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(text.length() > 0 ? ": " : "").append(cause);
        }
        return text.toString();
    }

    /** For servers with a certificate that nobody signed. */
    private static SSLContext trustingAnyone() throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new Anyone()}, null);
        return context;
    }

    /** Extended, so that names are left unchecked as well. */
    private static final class Anyone extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
