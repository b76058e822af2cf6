-- Customers in full. Null where an earlier release read them, which knew of their type alone: they are not served until
-- they are read again.
alter table wattle.customer add column detail text;
