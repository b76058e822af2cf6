//! The server itself: addresses, shutdown, certificates, and a database that is gone.
