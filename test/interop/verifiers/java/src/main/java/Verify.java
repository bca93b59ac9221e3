import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import java.net.http.HttpHeaders;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

public class Verify {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        JsonNode delivery = json.readTree(System.in);
        String body = delivery.get("body").asText();
        Map<String, List<String>> headers = new HashMap<>();
        delivery.get("headers").properties().forEach((header) -> headers.put(header.getKey(), List.of(header.getValue().asText())));
        try {
            new Webhook(delivery.get("secret").asText()).verify(body, HttpHeaders.of(headers, (name, value) -> true));
        } catch (WebhookVerificationException refusal) {
            System.exit(3);
        }
        JsonNode event = json.readTree(body);
        System.out.println(event.get("orgId").longValue() + " " + event.get("data").get("id").longValue());
    }
}
