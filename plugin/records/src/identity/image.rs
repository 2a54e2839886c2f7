//! Names of container images: `registry/path/name:tag@digest`, of which all but the name may be missing
//! (<https://pkg.go.dev/github.com/distribution/reference>).

/// The tag that a name means which has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// The parts of an image's name, called as the Datadog Agent calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// Registry, path and name, as in `111122223333.dkr.ecr.us-west-2.amazonaws.com/shop/web`.
    pub image_name: &'a str,
    /// What stands behind the last `/` of that, as in `web`.
    pub short_image: &'a str,
    /// The tag; empty when there is a digest instead.
    pub image_tag: &'a str,
    /// The digest, as in `sha256:25f3…`; empty when there is none.
    pub digest: &'a str,
}

impl<'a> ImageReference<'a> {
    /// Takes a name apart; `None` when it is empty or nothing but a digest.
    #[must_use]
    pub fn parse(reference: &'a str) -> Option<Self> {
        let (named, digest) = reference.split_once('@').unwrap_or((reference, ""));
        // A registry may have a port, so a tag is behind the last colon only when no path follows.
        let (image_name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (named, ""),
        };
        let short_image = image_name.rsplit('/').next().unwrap_or(image_name);
        if short_image.is_empty() || reference.starts_with("sha256:") {
            return None;
        }
        let image_tag = if tag.is_empty() && digest.is_empty() { DEFAULT_TAG } else { tag };
        Some(Self { image_name, short_image, image_tag, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_form_are_taken_apart() {
        for (reference, image_name, short_image, image_tag, digest) in [
            ("nginx", "nginx", "nginx", "latest", ""),
            ("nginx:1.27", "nginx", "nginx", "1.27", ""),
            ("amazon/amazon-ecs-pause:0.1.0", "amazon/amazon-ecs-pause", "amazon-ecs-pause", "0.1.0", ""),
            ("localhost:5000/a/b", "localhost:5000/a/b", "b", "latest", ""),
            ("localhost:5000/a/b:c", "localhost:5000/a/b", "b", "c", ""),
            ("r.io/a@sha256:25f3", "r.io/a", "a", "", "sha256:25f3"),
            ("r.io:1/a:v2@sha256:25f3", "r.io:1/a", "a", "v2", "sha256:25f3"),
        ] {
            let expected = ImageReference { image_name, short_image, image_tag, digest };
            assert_eq!(ImageReference::parse(reference), Some(expected), "{reference}");
        }
    }

    #[test]
    fn what_names_no_image_is_refused() {
        for reference in ["", ":", "a/", "@sha256:25f3", "sha256:25f3", "/:x"] {
            assert_eq!(ImageReference::parse(reference), None, "{reference}");
        }
    }
}
