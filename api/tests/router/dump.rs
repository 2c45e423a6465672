#[tokio::test]
async fn dump() {
    let stage = crate::stage::Stage::start().await;
    let d = stage.get("/openapi.json", crate::stage::By::Nobody).await;
    std::fs::write("/tmp/openapi.json", d.body.to_string()).unwrap();
}
