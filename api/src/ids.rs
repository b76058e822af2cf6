//! Resource ids: what a data recipient knows an account or service point by.
//!
//! An id is made by deterministic authenticated encryption (AES-SIV, RFC 5297), so it is the same at every call and
//! nothing of it need be stored, while to anyone without the key it is noise. It differs per tenant, software product,
//! customer and kind of resource: the first two and the kind are associated data, and the customer is part of what is
//! encrypted. An id minted elsewhere opens to nothing, or names another customer, and is answered like one that never
//! existed.
//!
//! The customer cannot be associated data, because an id in a path is opened before the arrangement, and with it the
//! customer, is read: consent and data come from one statement. The statement's answer is compared with the id's
//! customer before anything is served ([`ResourceId::is_for`]).
//!
//! Layout before base64 (URL-safe, no padding): one byte, the key's version; then AES-128-SIV of
//! `customer tag (16) | length (1) source system | length (2) source id | zeros`, padded to whole buckets so that its
//! length says little about the id. The version is in the clear because it chooses the key; that it is the one that
//! belongs to customer and software product is checked like the customer.

use aes_siv::KeyInit;
use aes_siv::siv::Aes128Siv;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use wattle_core::TenantId;
use wattle_tenants::Secrets;

/// Changes with the layout, so that no old id is read as a new one.
const FORMAT: &[u8] = b"wattle id 1";
/// Enough that two customers of a retailer meet once in 2^64.
const CUSTOMER_TAG_BYTES: usize = 16;
/// Holds the ids of most billing systems (`correa`, a nine-digit number) once, and a UUID twice.
const BUCKET_BYTES: usize = 24;
/// Far beyond any id that is minted for a key that a database would use; longer texts are not even tried.
const MAX_TEXT_LEN: usize = 1_024;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An energy account.
    Account,
    /// An electricity service point.
    ServicePoint,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::ServicePoint => "service point",
        }
    }
}

/// A customer as the source that knows them does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Customer {
    /// The source.
    pub(crate) source_system: String,
    /// The customer there.
    pub(crate) source_id: String,
    /// The key version that belongs to this customer and the software product.
    pub(crate) key_version: u8,
}

impl Customer {
    fn tag(&self) -> [u8; CUSTOMER_TAG_BYTES] {
        let mut hash = Sha256::new();
        for part in [&self.source_system, &self.source_id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut tag = [0; CUSTOMER_TAG_BYTES];
        tag.copy_from_slice(&hash.finalize()[..CUSTOMER_TAG_BYTES]);
        tag
    }
}

/// A resource as an id names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourceId {
    /// The source that knows the resource.
    pub(crate) source_system: String,
    /// The resource there.
    pub(crate) source_id: String,
    customer: [u8; CUSTOMER_TAG_BYTES],
    key_version: u8,
}

impl ResourceId {
    /// Whether the id was minted for this customer, under the key version that is theirs.
    pub(crate) fn is_for(&self, customer: &Customer) -> bool {
        self.customer == customer.tag() && self.key_version == customer.key_version
    }
}

/// For whom ids are minted and opened: one tenant's and one software product's.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    /// The installation's keys.
    pub(crate) secrets: &'a Secrets,
    /// The retailer brand.
    pub(crate) tenant: &'a TenantId,
    /// The software product.
    pub(crate) software_product: &'a str,
}

impl Recipient<'_> {
    fn cipher(&self, key_version: u8) -> Aes128Siv {
        Aes128Siv::new(&self.secrets.id_key(self.tenant, u32::from(key_version)).into())
    }

    fn associated_data(&self, kind: Kind) -> [&[u8]; 4] {
        // The synthetic IV takes a list of texts, so none can run into the next.
        [FORMAT, kind.name().as_bytes(), self.tenant.as_str().as_bytes(), self.software_product.as_bytes()]
    }

    /// What an id names, if it was minted here.
    pub(crate) fn open(&self, kind: Kind, text: &str) -> Option<ResourceId> {
        if text.len() > MAX_TEXT_LEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (key_version, sealed) = bytes.split_first()?;
        let plain = self.cipher(*key_version).decrypt(self.associated_data(kind), sealed).ok()?;
        let (customer, rest) = plain.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (source_system, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (source_id, _padding) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        Some(ResourceId {
            source_system: String::from_utf8(source_system.to_vec()).ok()?,
            source_id: String::from_utf8(source_id.to_vec()).ok()?,
            customer: *customer,
            key_version: *key_version,
        })
    }

    /// A minter of ids for one of the recipient's customers.
    pub(crate) fn minter<'a>(&'a self, customer: &Customer) -> Minter<'a> {
        Minter {
            recipient: self,
            cipher: self.cipher(customer.key_version),
            customer: customer.tag(),
            key_version: customer.key_version,
        }
    }
}

/// Mints the ids of one answer.
pub(crate) struct Minter<'a> {
    recipient: &'a Recipient<'a>,
    cipher: Aes128Siv,
    customer: [u8; CUSTOMER_TAG_BYTES],
    key_version: u8,
}

/// A source's own id that is too long to be put into a resource id.
#[derive(Debug, thiserror::Error)]
#[error("an id of source {source_system} has {length} bytes, more than a resource id can hold")]
pub(crate) struct TooLong {
    source_system: String,
    length: usize,
}

impl Minter<'_> {
    /// The id of a resource of this source.
    pub(crate) fn mint(
        &mut self,
        kind: Kind,
        source_system: &str,
        source_id: &str,
    ) -> Result<String, TooLong> {
        let too_long = || TooLong { source_system: source_system.to_owned(), length: source_id.len() };
        let mut plain = self.customer.to_vec();
        plain.push(u8::try_from(source_system.len()).map_err(|_| too_long())?);
        plain.extend_from_slice(source_system.as_bytes());
        plain.extend_from_slice(&u16::try_from(source_id.len()).map_err(|_| too_long())?.to_be_bytes());
        plain.extend_from_slice(source_id.as_bytes());
        let bucketed = (plain.len() - CUSTOMER_TAG_BYTES).next_multiple_of(BUCKET_BYTES);
        plain.resize(CUSTOMER_TAG_BYTES + bucketed, 0);
        let sealed = self.cipher.encrypt(self.recipient.associated_data(kind), &plain);
        let sealed = sealed.expect("four headers are fewer than the 126 that AES-SIV takes");
        let text = URL_SAFE_NO_PAD.encode([&[self.key_version], sealed.as_slice()].concat());
        if text.len() > MAX_TEXT_LEN { Err(too_long()) } else { Ok(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn customer(source_id: &str, key_version: u8) -> Customer {
        Customer { source_system: "correa".into(), source_id: source_id.into(), key_version }
    }

    /// Where an id is minted or opened.
    #[derive(Debug, Clone, PartialEq)]
    struct Place {
        tenant: TenantId,
        product: String,
        kind: Kind,
        customer: Customer,
    }

    impl Place {
        fn mint(&self, source_system: &str, source_id: &str) -> String {
            let secrets = Secrets::new(&[7; 32]).unwrap();
            let recipient =
                Recipient { secrets: &secrets, tenant: &self.tenant, software_product: &self.product };
            recipient.minter(&self.customer).mint(self.kind, source_system, source_id).unwrap()
        }

        fn open(&self, text: &str) -> Option<(String, String)> {
            let secrets = Secrets::new(&[7; 32]).unwrap();
            let recipient =
                Recipient { secrets: &secrets, tenant: &self.tenant, software_product: &self.product };
            let id = recipient.open(self.kind, text).filter(|id| id.is_for(&self.customer))?;
            Some((id.source_system, id.source_id))
        }
    }

    fn home() -> Place {
        Place {
            tenant: TenantId::parse("correa").unwrap(),
            product: "product-1".into(),
            kind: Kind::Account,
            customer: customer("1", 1),
        }
    }

    fn place() -> impl Strategy<Value = Place> {
        let kind = prop_oneof![Just(Kind::Account), Just(Kind::ServicePoint)];
        ("(correa|banksia)", "product-[12]", kind, "[12]", 1u8..3).prop_map(
            |(tenant, product, kind, who, version)| Place {
                tenant: TenantId::parse(&tenant).unwrap(),
                product,
                kind,
                customer: customer(&who, version),
            },
        )
    }

    proptest! {
        #[test]
        fn an_id_opens_where_it_was_minted_and_nowhere_else(
            minted in place(), opened in place(), system in "[a-z][a-z0-9_]{1,29}", id in "\\PC{0,60}"
        ) {
            let text = minted.mint(&system, &id);
            let expected = (minted == opened).then_some((system, id));
            prop_assert_eq!(opened.open(&text), expected);
        }

        #[test]
        fn it_is_stable_url_safe_text(place in place(), id in "\\PC{0,60}") {
            let text = place.mint("correa", &id);
            prop_assert_eq!(&place.mint("correa", &id), &text);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        }

        #[test]
        fn different_resources_have_different_ids(a in "\\PC{0,20}", b in "\\PC{0,20}") {
            prop_assert_eq!(a == b, home().mint("correa", &a) == home().mint("correa", &b));
        }

        #[test]
        fn changed_and_made_up_texts_open_to_nothing(id in "[0-9]{1,30}", at in 0usize..76, other in "[A-Za-z0-9_-]") {
            let minted = home().mint("correa", &id);
            let mut changed = minted.clone();
            changed.replace_range(at..=at, &other);
            prop_assert_eq!(home().open(&changed).is_some(), changed == minted);
            prop_assert_eq!(home().open(&minted[..at]), None);
            prop_assert_eq!(home().open(&format!("{minted}=")), None);
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,100}") {
            prop_assert_eq!(home().open(&text), None);
        }
    }

    #[test]
    fn its_length_says_little() {
        let length = |id: &str| home().mint("correa", id).len();
        assert_eq!(length("1"), 76);
        assert_eq!(length("1"), length("100234567890123"));
        assert_eq!(length("0190d3c4-7a3e-7c3f-8f5e-1f2e3d4c5b6a"), 108);
    }

    #[test]
    fn what_cannot_be_held_is_an_error() {
        let secrets = Secrets::new(&[7; 32]).unwrap();
        let place = home();
        let recipient = Recipient { secrets: &secrets, tenant: &place.tenant, software_product: "p" };
        let mut minter = recipient.minter(&place.customer);
        assert!(minter.mint(Kind::Account, "correa", &"x".repeat(70_000)).is_err());
        assert!(minter.mint(Kind::Account, "correa", &"x".repeat(1_000)).is_err());
        assert!(minter.mint(Kind::Account, "correa", &"x".repeat(700)).is_ok());
    }
}
