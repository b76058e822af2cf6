select k.ord as "$ord",
       p.[CustomerId] as "$from.contact_point.CustomerId",
       p.[PointNo] as "$from.contact_point.PointNo",
       p.[Preferred] as "isPreferred",
       p.[Purpose] as "purpose",
       concat('+', p.[Country]) as "countryCode",
       p.[Area] as "areaCode",
       p.[Address] as "number",
       p.[Extension] as "extension",
       p.[E164] as "fullNumber"
from {keys} k
join [cust].[Customer] c on c.[CustomerId] = k.[CustomerId] and c.[Kind] = 'PERSON'
join [cust].[Contact Point] p on p.[CustomerId] = c.[CustomerId] and p.[Channel] = 'P'
order by k.ord, p.[PointNo]
