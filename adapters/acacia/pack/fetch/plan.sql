select k.ord as "$ord",
       p.[OfferCode] as "$key",
       p.[Title] as "displayName",
       p.[Fuels] as "planDetail.fuelType",
       p.[ElecModel] as "planDetail.electricityContract.pricingModel",
       iif(p.[ElecLocalTime] = 1, 'LOCAL', null) as "planDetail.electricityContract.timeZone",
       p.[ElecFixed] as "planDetail.electricityContract.isFixed",
       p.[ElecVariation] as "planDetail.electricityContract.variation",
       p.[ElecOnExpiry] as "planDetail.electricityContract.onExpiryDescription",
       p.[ElecPayBy] as "planDetail.electricityContract.paymentOption",
       p.[ElecGreenShare] as "planDetail.electricityContract.intrinsicGreenPower.greenPercentage",
       p.[GasModel] as "planDetail.gasContract.pricingModel",
       p.[GasFixed] as "planDetail.gasContract.isFixed",
       p.[GasVariation] as "planDetail.gasContract.variation",
       p.[GasOnExpiry] as "planDetail.gasContract.onExpiryDescription",
       p.[GasPayBy] as "planDetail.gasContract.paymentOption"
from {keys} k
join [product].[Offer] p on p.[OfferCode] = k.[OfferCode]
