-- A place is written as an envelope is, unless it has the parts of the postal address file.
select k.ord                               as "$ord",
       a.value ->> 'use'                   as "purpose",
       iif(a.value ->> 'paf' is null, 'simple', 'paf') as "addressUType",
       a.value ->> 'to'                    as "simple.mailingName",
       a.value ->> '$.lines[0]'            as "simple.addressLine1",
       a.value ->> '$.lines[1]'            as "simple.addressLine2",
       a.value ->> '$.lines[2]'            as "simple.addressLine3",
       iif(a.value ->> 'paf' is null, a.value ->> 'town', null)     as "simple.city",
       iif(a.value ->> 'paf' is null, a.value ->> 'region', null)   as "simple.state",
       iif(a.value ->> 'paf' is null, a.value ->> 'postcode', null) as "simple.postcode",
       a.value ->> 'country'               as "simple.country",
       a.value ->> '$.paf.dpid'            as "paf.dpid",
       a.value ->> '$.paf.building'        as "paf.buildingName1",
       a.value ->> '$.paf.estate'          as "paf.buildingName2",
       a.value ->> '$.paf.lot'             as "paf.lotNumber",
       a.value ->> '$.paf.flat[0]'         as "paf.flatUnitType",
       a.value ->> '$.paf.flat[1]'         as "paf.flatUnitNumber",
       iif(a.value ->> '$.paf.level' is null, null, 'L') as "paf.floorLevelType",
       a.value ->> '$.paf.level'           as "paf.floorLevelNumber",
       a.value ->> '$.paf.house[0]'        as "paf.thoroughfareNumber1",
       a.value ->> '$.paf.house[1]'        as "paf.thoroughfareNumber1Suffix",
       a.value ->> '$.paf.house_to[0]'     as "paf.thoroughfareNumber2",
       a.value ->> '$.paf.house_to[1]'     as "paf.thoroughfareNumber2Suffix",
       a.value ->> '$.paf.street[0]'       as "paf.streetName",
       a.value ->> '$.paf.street[1]'       as "paf.streetType",
       a.value ->> '$.paf.part'            as "paf.streetSuffix",
       iif(a.value ->> '$.paf.box' is null, null, 'PO BOX') as "paf.postalDeliveryType",
       a.value ->> '$.paf.box[0]'          as "paf.postalDeliveryNumber",
       a.value ->> '$.paf.box[1]'          as "paf.postalDeliveryNumberPrefix",
       a.value ->> '$.paf.box[2]'          as "paf.postalDeliveryNumberSuffix",
       iif(a.value ->> 'paf' is null, null, a.value ->> 'town')     as "paf.localityName",
       iif(a.value ->> 'paf' is null, null, a.value ->> 'region')   as "paf.state",
       iif(a.value ->> 'paf' is null, null, a.value ->> 'postcode') as "paf.postcode"
from {keys} k
cross join clients c on c.client_id = k.client_id
join json_each(c.places) a
where c.kind = 'person'
order by k.ord, a.key
