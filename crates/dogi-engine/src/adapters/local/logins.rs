//! Who a compose project is at the registries that it needs.

use std::collections::BTreeSet;

use dogi_compose::{Build, Credentials, Login, Prepared};
use dogi_docker::{ImageName, RegistryAuth, base_images};

use crate::chain;

/// The logins there are for the registries of a project, and of an image that is not the project's own; and
/// those registries that it could not be told of.
pub(super) async fn of_project(
    auth: &RegistryAuth,
    project: &Prepared,
    other: Option<&str>,
) -> (Vec<Login>, Vec<String>) {
    let images = project.images().iter().map(String::as_str).chain(other);
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for registry in registries(images, project.builds()) {
        match auth.find(&registry).await {
            Ok(Some(credentials)) => found.push(login(registry, credentials)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(registry, reason = chain(&error), "no login can be had");
                unknown.push(registry);
            }
        }
    }
    (found, unknown)
}

/// A base that depends on what is not known beforehand is left out, and what is no image's name.
fn registries<'a>(images: impl Iterator<Item = &'a str>, builds: &[Build]) -> BTreeSet<String> {
    let named = images.filter_map(|image| ImageName::parse(image).ok());
    let named = named.map(|image| image.registry().to_owned());
    let bases = builds.iter().flat_map(|build| {
        let target = build.target.as_deref();
        base_images(build.dockerfile.as_bytes(), &build.arguments, target).registries()
    });
    named.chain(bases).collect()
}

fn login(registry: String, credentials: dogi_docker::Credentials) -> Login {
    use dogi_docker::Credentials as Found;
    Login {
        registry,
        credentials: match credentials {
            Found::Password { user, password } => Credentials::Password { user, password },
            Found::IdentityToken(token) => Credentials::IdentityToken(token),
        },
    }
}
