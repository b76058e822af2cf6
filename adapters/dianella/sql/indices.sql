-- Made once everything is loaded: an index for every foreign key, and what the application looks things up by.

create index accounts_mail_dpid on accounts (mail_dpid);
create index grants_account on grants (account);
create index delegates_account on delegates (account);
create index connections_site_dpid on connections (site_dpid);
create index supplies_account on supplies (account);
create index supplies_product_code on supplies (product_code);
create index supplies_nmi on supplies (nmi);
create index supplies_second_nmi on supplies (second_nmi);
create index supplies_mirn on supplies (mirn);
create index invoices_account on invoices (account);
create index invoices_issued_day on invoices (issued_day);
create index postings_account on postings (account);
create index postings_invoice_no on postings (invoice_no);
create index readings_national_no on readings (national_no);
create index jobs_account on jobs (account);
