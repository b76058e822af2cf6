-- A rebate of so many cents, or of a share in millionths, or one that is worked out. One that was withdrawn is not there.
select k.ord       as "$ord",
       r.rebate_id as "$key",
       r.account   as "$owner.account",
       case
           when r.cents is not null then 'FIXED_AMOUNT'
           when r.millionths is not null then 'FIXED_PERCENTAGE'
           else 'VARIABLE'
       end         as "type",
       r.title     as "displayName",
       r.remark    as "additionalInfo",
       r.link      as "additionalInfoUri",
       r.since_day as "startDate",
       r.until_day as "endDate",
       r.every     as "discountFrequency",
       iif(r.cents < 0, '-', '') || (abs(r.cents) / 100) || printf('.%02d', abs(r.cents) % 100) as "amount",
       (r.millionths / 1000000) || printf('.%06d', r.millionths % 1000000) as "percentage",
       r.covers    as "appliedTo"
from {keys} k
cross join rebates r on r.rebate_id = k.rebate_id
where not r.withdrawn
