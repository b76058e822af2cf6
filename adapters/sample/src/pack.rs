//! Packs that are embedded in a sample retailer's crate.

/// The constant `PACK`: the files of the pack in the crate's folder `pack`, `graph.toml` first and then those of
/// `fetch` by name; and the test that none is missing. To be used in a module of its own in `src`.
#[macro_export]
macro_rules! pack {
    ($($path:literal,)+) => {
        /// The files of the pack: path within it, text.
        pub const PACK: &[(&str, &str)] = &[$(($path, include_str!(concat!("../pack/", $path))),)+];

        #[cfg(test)]
        mod tests {
            use std::path::Path;

            use super::PACK;

            #[test]
            fn every_file_of_the_folder_is_embedded() {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pack/fetch");
                let mut files: Vec<String> = std::fs::read_dir(folder)
                    .unwrap()
                    .map(|entry| format!("fetch/{}", entry.unwrap().file_name().to_str().unwrap()))
                    .collect();
                files.sort();
                let embedded: Vec<&str> = PACK.iter().map(|(path, _)| *path).collect();
                assert_eq!(embedded[0], "graph.toml");
                assert_eq!(embedded[1..], files);
            }
        }
    };
}
