-- PostgreSQL cuts an alias after 63 bytes, so the share of green power is given as the object around it.
select k.ord             as "$ord",
       p.plan_code       as "$key",
       p.display_name    as "displayName",
       p.fuel            as "planDetail.fuelType",
       p.contingent      as "planDetail.isContingentPlan",
       e.fee_note        as "planDetail.electricityContract.additionalFeeInformation",
       e.pricing_model   as "planDetail.electricityContract.pricingModel",
       case e.local_time when true then 'LOCAL' when false then 'AEST' end as "planDetail.electricityContract.timeZone",
       e.is_fixed        as "planDetail.electricityContract.isFixed",
       e.variation       as "planDetail.electricityContract.variation",
       e.on_expiry       as "planDetail.electricityContract.onExpiryDescription",
       e.payment_options as "planDetail.electricityContract.paymentOption",
       case when e.green_share is not null then
           json_build_object('greenPercentage', trim_scale(e.green_share)::text)
       end               as "planDetail.electricityContract.intrinsicGreenPower",
       e.incentives      as "planDetail.electricityContract.incentives",
       e.green_charges   as "planDetail.electricityContract.greenPowerCharges",
       e.eligibility     as "planDetail.electricityContract.eligibility",
       g.fee_note        as "planDetail.gasContract.additionalFeeInformation",
       g.pricing_model   as "planDetail.gasContract.pricingModel",
       g.is_fixed        as "planDetail.gasContract.isFixed",
       g.variation       as "planDetail.gasContract.variation",
       g.on_expiry       as "planDetail.gasContract.onExpiryDescription",
       g.payment_options as "planDetail.gasContract.paymentOption",
       g.incentives      as "planDetail.gasContract.incentives",
       g.eligibility     as "planDetail.gasContract.eligibility"
from {keys} k
join product.plan p on p.plan_code = k.plan_code
left join product.contract e on e.plan_code = p.plan_code and e.fuel = 'E'
left join product.contract g on g.plan_code = p.plan_code and g.fuel = 'G'
