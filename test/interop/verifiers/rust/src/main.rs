use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let delivery: Value = serde_json::from_reader(std::io::stdin())?;
    let body = delivery["body"].as_str().ok_or("no body")?;
    let secret = delivery["secret"].as_str().ok_or("no secret")?;
    let mut headers = HeaderMap::new();
    for (name, value) in delivery["headers"].as_object().ok_or("no headers")? {
        headers.insert(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_str(value.as_str().ok_or("not a text")?)?,
        );
    }
    if standardwebhooks::Webhook::new(secret)?.verify(body.as_bytes(), &headers).is_err() {
        std::process::exit(3);
    }
    let event: Value = serde_json::from_str(body)?;
    let org_id = event["orgId"].as_i64().ok_or("orgId is not an i64")?;
    let id = event["data"]["id"].as_i64().ok_or("id is not an i64")?;
    println!("{org_id} {id}");
    Ok(())
}
