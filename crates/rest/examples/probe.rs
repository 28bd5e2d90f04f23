//! Temporary.
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use streeling_core::*;
use streeling_rest::*;
struct E;
#[async_trait]
impl Component for E {
    async fn predict(&self, _: &Context, _: &Message) -> Result<Answer> {
        Ok(Output::Unchanged.into())
    }
    async fn metadata(&self) -> Result<RawJson> {
        Ok(RawJson::from_checked(Bytes::from_static(b"{}")))
    }
}
#[tokio::main]
async fn main() {
    let config = Config {
        address: "127.0.0.1:18655".parse().unwrap(),
        ..Config::default()
    };
    let (_tx, rx) = tokio::sync::watch::channel(true);
    bind(config)
        .unwrap()
        .serve(
            Unit::new(Arc::new(E), UnitConfig::default()),
            rx,
            std::future::pending(),
        )
        .await
        .unwrap();
}
