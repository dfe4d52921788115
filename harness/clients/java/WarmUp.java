import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * A first exchange, with a server of this process. It loads the classes of the client, hundreds of
 * them, which would otherwise be part of the first exchange of a case. It is also what says which
 * classes the archive of the installation holds.
 */
final class WarmUp {
    /** Where the server's certificate is, on the class path. Nothing relies on it being a secret. */
    private static final String KEYS = "/warm-up.p12";

    private static final char[] PASSWORD = "warm-up".toCharArray();

    private WarmUp() {}

    static void overTcp(HttpClient client) throws IOException, InterruptedException {
        exchange(client, HttpServer.create(anyPort(), 0), "http");
    }

    static void overTls(HttpClient client)
            throws IOException, InterruptedException, GeneralSecurityException {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream file = WarmUp.class.getResourceAsStream(KEYS)) {
            if (file == null) {
                throw new IOException(KEYS + " is not on the class path; install the driver anew");
            }
            keys.load(file, PASSWORD);
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        HttpsServer server = HttpsServer.create(anyPort(), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        exchange(client, server, "https");
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private static void exchange(HttpClient client, HttpServer server, String scheme)
            throws IOException, InterruptedException {
        server.createContext("/", asked -> {
            byte[] body = {'o', 'k'};
            asked.sendResponseHeaders(200, body.length);
            asked.getResponseBody().write(body);
            asked.close();
        });
        server.start();
        try {
            URI uri = URI.create(scheme + "://127.0.0.1:" + server.getAddress().getPort() + "/");
            client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofByteArray());
        } finally {
            server.stop(0);
        }
    }
}
