-- An address without a first line is in the parts of the postal address file.
select k.ord as "$ord",
       a.[CustomerId] as "$from.postal_address.CustomerId",
       a.[Purpose] as "$from.postal_address.Purpose",
       a.[Purpose] as "purpose",
       iif(a.[Line1] is not null, 'simple', 'paf') as "addressUType",
       a.[MailTo] as "simple.mailingName",
       a.[Line1] as "simple.addressLine1",
       a.[Line2] as "simple.addressLine2",
       iif(a.[Line1] is not null, a.[Locality], null) as "simple.city",
       iif(a.[Line1] is not null, a.[State], null) as "simple.state",
       iif(a.[Line1] is not null, a.[Postcode], null) as "simple.postcode",
       a.[Country] as "simple.country",
       a.[DPID] as "paf.dpid",
       a.[Building] as "paf.buildingName1",
       a.[FlatType] as "paf.flatUnitType",
       a.[FlatNo] as "paf.flatUnitNumber",
       iif(a.[LevelNo] is not null, 'L', null) as "paf.floorLevelType",
       a.[LevelNo] as "paf.floorLevelNumber",
       a.[HouseNo] as "paf.thoroughfareNumber1",
       a.[HouseSuffix] as "paf.thoroughfareNumber1Suffix",
       a.[HouseNoTo] as "paf.thoroughfareNumber2",
       a.[Street] as "paf.streetName",
       a.[StreetType] as "paf.streetType",
       iif(a.[BoxNo] is not null, 'PO BOX', null) as "paf.postalDeliveryType",
       a.[BoxNo] as "paf.postalDeliveryNumber",
       iif(a.[Line1] is null, a.[Locality], null) as "paf.localityName",
       iif(a.[Line1] is null, a.[State], null) as "paf.state",
       iif(a.[Line1] is null, a.[Postcode], null) as "paf.postcode"
from {keys} k
join [cust].[Customer] c on c.[CustomerId] = k.[CustomerId] and c.[Kind] = 'BUSINESS'
join [cust].[Postal Address] a on a.[CustomerId] = c.[CustomerId]
order by k.ord, charindex(a.[Purpose], 'REGISTERED MAIL PHYSICAL WORK')
