-- What it applies to is left out where nothing is said: usage is meant.
select k.ord           as "$ord",
       c.account_no    as "$key.account_no",
       c.concession_no as "$key.concession_no",
       c.account_no    as "$owner.account",
       c.kind          as "type",
       c.name          as "displayName",
       c.remark        as "additionalInfo",
       c.info_url      as "additionalInfoUri",
       c.started_on    as "startDate",
       c.ended_on      as "endDate",
       c.every         as "discountFrequency",
       c.amount        as "amount",
       c.percentage    as "percentage",
       nullif(c.applies_to, '{}') as "appliedTo"
from {keys} k
join crm.concession c on c.account_no = k.account_no and c.concession_no = k.concession_no
