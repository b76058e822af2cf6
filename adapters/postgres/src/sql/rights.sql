-- What the login may do with a relation. A right to write is inherited when taking back the login's own grants would
-- leave it: as the owner, as everyone, or as a member of another role.
select quote_ident(s.nspname),
       has_schema_privilege(s.oid, 'usage'),
       has_table_privilege(c.oid, 'select'),
       has_table_privilege(c.oid, 'insert') or has_table_privilege(c.oid, 'update')
           or has_table_privilege(c.oid, 'delete') or has_table_privilege(c.oid, 'truncate'),
       pg_has_role(c.relowner, 'usage') or exists (
           select from aclexplode(c.relacl) g
           where g.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
               and g.grantee <> r.oid and (g.grantee = 0 or pg_has_role(g.grantee, 'usage'))),
       row_security_active(c.oid)
from pg_class c
join pg_namespace s on s.oid = c.relnamespace
join pg_roles r on r.rolname = current_user
where c.oid = $1
