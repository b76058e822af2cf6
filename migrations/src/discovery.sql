-- What Get Status and Get Outages answer, in the standard's own form: how the service is, null while nobody has said
-- anything, and the outages that are announced.
alter table wattle.tenant add column service_status text;
alter table wattle.tenant add column outages text not null default '[]';
