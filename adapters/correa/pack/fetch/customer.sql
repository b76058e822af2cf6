-- For an organisation the name is its agent's.
select k.ord                as "$ord",
       p.party_id           as "$key",
       p.party_type         as "customerUType",
       person.updated_at    as "person.lastUpdateTime",
       person.first_name    as "person.firstName",
       person.last_name     as "person.lastName",
       person.middle_names  as "person.middleNames",
       person.title         as "person.prefix",
       person.name_suffix   as "person.suffix",
       p.occupation_code    as "person.occupationCode",
       p.occupation_release as "person.occupationCodeVersion",
       agent.updated_at     as "organisation.lastUpdateTime",
       agent.first_name     as "organisation.agentFirstName",
       agent.last_name      as "organisation.agentLastName",
       p.agent_role         as "organisation.agentRole",
       p.business_name      as "organisation.businessName",
       p.legal_name         as "organisation.legalName",
       p.short_name         as "organisation.shortName",
       p.abn                as "organisation.abn",
       p.acn                as "organisation.acn",
       p.is_charity         as "organisation.isACNCRegistered",
       p.industry_code      as "organisation.industryCode",
       p.industry_release   as "organisation.industryCodeVersion",
       p.org_type           as "organisation.organisationType",
       p.country            as "organisation.registeredCountry",
       p.established_on     as "organisation.establishmentDate"
from {keys} k
join crm.party p on p.party_id = k.party_id
left join crm.party person on person.party_id = p.party_id and p.party_type = 'P'
left join crm.party agent on agent.party_id = p.party_id and p.party_type = 'O'
