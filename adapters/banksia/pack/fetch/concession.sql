select k.ord        as "$ord",
       c.acct_no    as "$key.acct_no",
       c.seq        as "$key.seq",
       c.acct_no    as "$owner.account",
       c.kind       as "type",
       c.name       as "displayName",
       c.remark     as "additionalInfo",
       c.url        as "additionalInfoUri",
       c.started_on as "startDate",
       c.until_on   as "endDate",
       concat('P', c.months, 'M') as "discountFrequency",
       c.amount     as "amount",
       c.percentage as "percentage"
from {keys} k
join cust_concession c on c.acct_no = k.acct_no and c.seq = k.seq
