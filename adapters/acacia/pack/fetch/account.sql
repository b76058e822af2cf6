-- An account that is marked as deleted is not there. It is named after the place that its newest contract supplies, or
-- else after the address its bills go to.
select k.ord as "$ord",
       a.[AccountId] as "$key",
       a.[AccountNo] as "accountNumber",
       coalesce(
           case when site.[SiteId] is not null then concat(site.[Street], ', ', site.[Suburb], ' ', site.[State], ' ', site.[Postcode]) end,
           case when mail.[SiteId] is not null then concat(mail.[Street], ', ', mail.[Suburb], ' ', mail.[State], ' ', mail.[Postcode]) end
       ) as "displayName",
       a.[Status] as "openStatus",
       a.[OpenedOn] as "creationDate",
       mail.[SiteId] as "$from.site#mail",
       site.[SiteId] as "$from.site#site",
       p.[PointId] as "$from.point"
from {keys} k
join [cust].[Account] a on a.[AccountId] = k.[AccountId]
left join [cust].[Site] mail on mail.[SiteId] = a.[MailSiteId]
left join [supply].[Contract Point] sp
    on sp.[ContractId] = (select max(n.[ContractId]) from [supply].[Contract] n where n.[AccountId] = a.[AccountId]) and sp.[Position] = 1
left join [supply].[Point] p on p.[PointId] = sp.[PointId]
left join [cust].[Site] site on site.[SiteId] = p.[SiteId]
where a.[DeletedAt] is null
