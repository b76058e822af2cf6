use super::*;

fn refused(url: &str) -> String {
    let error = Archive::open(url).unwrap_err();
    assert_eq!(error.class(), wattle_core::ErrorClass::Config);
    error.to_string()
}

#[test]
fn addresses_that_make_no_sense_are_named() {
    for (url, word) in [
        ("", "is empty"),
        ("ftp://somewhere", "ftp://"),
        ("https://bucket.s3.amazonaws.com/x", "no store that Wattle knows"),
        ("file://relative", "another machine"),
        ("s3://", "names no bucket"),
        ("s3:///prefix", "names no bucket"),
    ] {
        let error = refused(url);
        assert!(error.contains(word) && error.contains("to fix it"), "{url}: {error}");
    }
}

#[test]
fn credentials_in_an_address_are_refused_and_not_repeated() {
    for url in ["s3://KEY:SECRET@bucket/x", "az://container/x?sig=SECRET", "gs://bucket/x#SECRET"] {
        let error = refused(url);
        assert!(error.contains("environment") && !error.contains("SECRET"), "{error}");
    }
}

#[test]
fn places_are_shown_as_they_were_given() {
    let variables = [("AWS_ACCESS_KEY_ID", "KEY"), ("AWS_SECRET_ACCESS_KEY", "SECRET")];
    let archive = Archive::open_with("s3://bucket/some/prefix/", &variables).unwrap();
    assert_eq!(archive.place(), "s3://bucket/some/prefix/");
    assert!(!format!("{archive:?}").contains("SECRET"));
    assert_eq!(Archive::open("file:///srv/archive").unwrap().place(), "/srv/archive");
    assert_eq!(Archive::open("/srv/archive").unwrap().place(), "/srv/archive");
    let variables = [("AZURE_STORAGE_ACCOUNT_NAME", "someone"), ("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")];
    Archive::open_with("az://container/prefix", &variables).unwrap();
}

#[tokio::test]
async fn a_folder_is_made_for_its_user_alone_and_objects_are_replaced_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("some #1/archive");
    let archive = Archive::open(path.to_str().unwrap()).unwrap();
    assert!(!path.exists());
    archive.put("tenant=a/date=1/x", "old".into()).await.unwrap();
    archive.put("tenant=a/date=1/x", "new".into()).await.unwrap();
    assert_eq!(archive.get("tenant=a/date=1/x", 9).await.unwrap().unwrap(), "new");
    assert_eq!(archive.get("tenant=a/date=1/y", 9).await.unwrap(), None);
    assert!(archive.get("tenant=a/date=1/x", 2).await.unwrap_err().is_damage());
    // What a crash left of a file that was being written is none.
    std::fs::write(path.join("tenant=a/date=1/x#1"), "ha").unwrap();
    let mut names = Vec::new();
    archive.list("tenant=a/date=1", |name| names.push(name.to_owned())).await.unwrap();
    archive.list("tenant=a/date=2", |name| names.push(name.to_owned())).await.unwrap();
    assert_eq!(names, ["x"]);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[tokio::test]
async fn what_is_in_the_place_of_the_folder_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("archive");
    std::fs::write(&path, "a file").unwrap();
    let archive = Archive::open(path.to_str().unwrap()).unwrap();
    let error = archive.put("x", "new".into()).await.unwrap_err();
    assert_eq!(error.class(), wattle_core::ErrorClass::Config);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    std::fs::remove_file(&path).unwrap();
    archive.put("x", "new".into()).await.unwrap();
}
