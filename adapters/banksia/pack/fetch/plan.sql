select k.ord            as "$ord",
       p.offer_code           as "$key",
       p.title          as "displayName",
       p.fuels          as "planDetail.fuelType",
       p.elec_model     as "planDetail.electricityContract.pricingModel",
       if(p.elec_local_time, 'LOCAL', null) as "planDetail.electricityContract.timeZone",
       p.elec_fixed     as "planDetail.electricityContract.isFixed",
       p.elec_variation as "planDetail.electricityContract.variation",
       p.elec_on_expiry as "planDetail.electricityContract.onExpiryDescription",
       p.elec_pay_by    as "planDetail.electricityContract.paymentOption",
       p.elec_green_share as "planDetail.electricityContract.intrinsicGreenPower.greenPercentage",
       p.gas_model      as "planDetail.gasContract.pricingModel",
       p.gas_fixed      as "planDetail.gasContract.isFixed",
       p.gas_variation  as "planDetail.gasContract.variation",
       p.gas_on_expiry  as "planDetail.gasContract.onExpiryDescription",
       p.gas_pay_by     as "planDetail.gasContract.paymentOption"
from {keys} k
join prd_offer p on p.offer_code = k.offer_code
