//! What is no inference: health, metadata, the repository.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_load_is_a_reload_and_there_is_no_unload() {
    let server = serve(oip());
    let mut unable = client(&server).await;
    let status = unable
        .repository_model_load(load("scripted"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let status = unable
        .repository_model_unload(unload("scripted"))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (
            Code::Unimplemented,
            "\"scripted\" is the only model of this server and cannot be unloaded"
        )
    );
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&loads);
    let reload = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let server = serve(oip().with_reload(Arc::new(reload)));
    let mut able = client(&server).await;
    able.repository_model_load(load("scripted")).await.unwrap();
    assert!(able.repository_model_load(load("x")).await.is_err());
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    // Of all times, when the model has not been loaded.
    server.ready.send_replace(false);
    able.repository_model_load(load("scripted")).await.unwrap();
    assert_eq!(loads.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn health_follows_the_model() {
    let server = serve(oip());
    let mut client = client(&server).await;
    for is_ready in [true, false] {
        server.ready.send_replace(is_ready);
        let live = client.server_live(pb::ServerLiveRequest {}).await;
        assert!(live.unwrap().into_inner().live);
        let found = client.server_ready(pb::ServerReadyRequest {}).await;
        assert_eq!(found.unwrap().into_inner().ready, is_ready);
        let found = client.model_ready(ready()).await;
        assert_eq!(found.unwrap().into_inner().ready, is_ready);
        for ready in [true, false] {
            let request = pb::RepositoryIndexRequest {
                ready,
                ..pb::RepositoryIndexRequest::default()
            };
            let found = client.repository_index(request).await.unwrap().into_inner();
            let states: Vec<_> = found.models.iter().map(|model| &model.state[..]).collect();
            let expected: &[&str] = match (ready, is_ready) {
                (_, true) => &["READY"],
                (true, false) => &[],
                (false, false) => &["UNAVAILABLE"],
            };
            assert_eq!(states, expected);
        }
    }
    let request = typed("FP32", &[1], floats(&[1.0]));
    let status = client.model_infer(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn metadata_is_that_of_server_and_component() {
    let server = serve(oip());
    let mut client = client(&server).await;
    let found = client.server_metadata(pb::ServerMetadataRequest {}).await;
    let found = found.unwrap().into_inner();
    assert_eq!(
        (found.name.as_str(), found.version.as_str()),
        ("streeling", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(found.extensions, ["parameters"]);
    let request = pb::ModelMetadataRequest {
        name: "scripted".to_owned(),
        version: String::new(),
    };
    let found = client.model_metadata(request).await.unwrap().into_inner();
    assert_eq!(
        (found.name.as_str(), &found.versions[..]),
        ("scripted", &["2".to_owned()][..])
    );
    let seen = server.recorder.last().await;
    assert_eq!((seen.label, seen.code.as_str()), ("metadata", "OK"));
}

#[tokio::test(start_paused = true)]
async fn probes_bring_no_token() {
    let config = Config {
        token: Some(BearerToken::new("secret-of-this-test").unwrap()),
        ..Config::default()
    };
    let server = Server::speaking(&config, vec![Arc::new(oip())]);
    let mut client = client(&server).await;
    client.server_live(pb::ServerLiveRequest {}).await.unwrap();
    client
        .server_ready(pb::ServerReadyRequest {})
        .await
        .unwrap();
    client.model_ready(ready()).await.unwrap();
    let request = typed("FP32", &[1], floats(&[1.0]));
    let index = pb::RepositoryIndexRequest::default();
    for status in [
        client.repository_index(index).await.unwrap_err(),
        client.model_infer(request).await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::Unauthenticated);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "UNAUTHENTICATED");
    }
}
