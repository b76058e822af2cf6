//! sea-orm entities of the tables that are read and written row by row. Records, lineage and stream are moved in
//! bulk by statements written for the engine, in the crates that own them.

/// One retailer brand.
pub mod tenant {
    use sea_orm::entity::prelude::*;

    /// A row of the registry.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tenant")]
    pub struct Model {
        /// The tenant's name.
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        /// The login role that sees this tenant's data and nothing else, on PostgreSQL.
        pub login_role: Option<String>,
        /// Tells whether the master secret is still the one that passwords and ids derive from.
        pub secret_check: String,
        /// For people.
        pub display_name: String,
        /// `development` or `production`.
        pub mode: String,
        /// The `iss` of access tokens.
        pub issuer: String,
        /// The `aud` of access tokens.
        pub audience: String,
        /// The JSON Web Key Set that verifies them.
        pub jwks: String,
        /// The registered resource base address.
        pub public_base_url: String,
        /// The host name that serves this tenant alone, if any.
        pub host: Option<String>,
        /// When the tenant was onboarded.
        pub created_at: DateTimeUtc,
        /// Days for which changes are kept after they were applied.
        pub retention_days: i64,
        /// Hours from one scheduled reconcile to the next; 0: none.
        pub reconcile_every_hours: i64,
        /// The `data` of Get Status; none while nobody has said anything.
        pub service_status: Option<String>,
        /// The `outages` of Get Outages.
        pub outages: String,
    }

    /// None that the code follows.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One database of a tenant.
pub mod source {
    use sea_orm::entity::prelude::*;

    /// A row of the registry.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "source")]
    pub struct Model {
        /// Whose source this is.
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: String,
        /// The source's name within its tenant.
        #[sea_orm(primary_key, auto_increment = false)]
        pub source_system: String,
        /// The name of the adapter that reads it.
        pub adapter: String,
        /// Address, or a reference to it.
        pub url: String,
        /// Adapter settings, as JSON.
        pub options: String,
        /// When it was added.
        pub created_at: DateTimeUtc,
    }

    /// None that the code follows.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
