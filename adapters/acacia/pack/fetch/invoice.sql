-- Credits are negative on the lines; the CDR wants totals of credits positive.
select k.ord as "$ord",
       i.[InvoiceId] as "$key",
       i.[AccountId] as "$owner.account",
       i.[InvoiceNo] as "invoiceNumber",
       i.[IssuedOn] as "issueDate",
       i.[DueOn] as "dueDate",
       i.[PeriodFrom] as "period.startDate",
       i.[PeriodUntil] as "period.endDate",
       cast(i.[Total] as decimal(19, 4)) as "invoiceAmount",
       cast(i.[GST] as decimal(19, 4)) as "gstAmount",
       cast(i.[EarlyAmount] as decimal(19, 4)) as "payOnTimeDiscount.discountAmount",
       cast(i.[EarlyGST] as decimal(19, 4)) as "payOnTimeDiscount.gstAmount",
       i.[EarlyUntil] as "payOnTimeDiscount.date",
       cast(i.[BalanceAfter] as decimal(19, 4)) as "balanceAtIssue",
       i.[Paid] as "paymentStatus",
       iif(s.[LinesE] > 0, s.[USEE], null) as "electricity.totalUsageCharges",
       iif(s.[LinesE] > 0, -s.[GENE], null) as "electricity.totalGenerationCredits",
       iif(s.[LinesE] > 0, s.[CHGE], null) as "electricity.totalOnceOffCharges",
       iif(s.[LinesE] > 0, -s.[DSCE], null) as "electricity.totalOnceOffDiscounts",
       iif(s.[LinesE] > 0, s.[GSTE], null) as "electricity.totalGst",
       iif(s.[LinesG] > 0, s.[USEG], null) as "gas.totalUsageCharges",
       iif(s.[LinesG] > 0, -s.[GENG], null) as "gas.totalGenerationCredits",
       iif(s.[LinesG] > 0, s.[CHGG], null) as "gas.totalOnceOffCharges",
       iif(s.[LinesG] > 0, -s.[DSCG], null) as "gas.totalOnceOffDiscounts",
       iif(s.[LinesG] > 0, s.[GSTG], null) as "gas.totalGst",
       iif(s.[LinesA] > 0, s.[CHGA], null) as "accountCharges.totalCharges",
       iif(s.[LinesA] > 0, -s.[DSCA], null) as "accountCharges.totalDiscounts",
       iif(s.[LinesA] > 0, s.[GSTA], null) as "accountCharges.totalGst"
from {keys} k
join [bill].[Invoice] i on i.[InvoiceId] = k.[InvoiceId]
cross apply (
    select
           sum(iif(l.[Scope] = 'E', 1, 0)) as [LinesE],
           sum(iif(l.[Scope] = 'E' and l.[Kind] = 'USE', cast(l.[Amount] as decimal(19, 4)), 0)) as [USEE],
           sum(iif(l.[Scope] = 'E' and l.[Kind] = 'GEN', cast(l.[Amount] as decimal(19, 4)), 0)) as [GENE],
           sum(iif(l.[Scope] = 'E' and l.[Kind] = 'CHG', cast(l.[Amount] as decimal(19, 4)), 0)) as [CHGE],
           sum(iif(l.[Scope] = 'E' and l.[Kind] = 'DSC', cast(l.[Amount] as decimal(19, 4)), 0)) as [DSCE],
           sum(iif(l.[Scope] = 'E', cast(l.[GST] as decimal(19, 4)), 0)) as [GSTE],
           sum(iif(l.[Scope] = 'G', 1, 0)) as [LinesG],
           sum(iif(l.[Scope] = 'G' and l.[Kind] = 'USE', cast(l.[Amount] as decimal(19, 4)), 0)) as [USEG],
           sum(iif(l.[Scope] = 'G' and l.[Kind] = 'GEN', cast(l.[Amount] as decimal(19, 4)), 0)) as [GENG],
           sum(iif(l.[Scope] = 'G' and l.[Kind] = 'CHG', cast(l.[Amount] as decimal(19, 4)), 0)) as [CHGG],
           sum(iif(l.[Scope] = 'G' and l.[Kind] = 'DSC', cast(l.[Amount] as decimal(19, 4)), 0)) as [DSCG],
           sum(iif(l.[Scope] = 'G', cast(l.[GST] as decimal(19, 4)), 0)) as [GSTG],
           sum(iif(l.[Scope] = 'A', 1, 0)) as [LinesA],
           sum(iif(l.[Scope] = 'A' and l.[Kind] = 'CHG', cast(l.[Amount] as decimal(19, 4)), 0)) as [CHGA],
           sum(iif(l.[Scope] = 'A' and l.[Kind] = 'DSC', cast(l.[Amount] as decimal(19, 4)), 0)) as [DSCA],
           sum(iif(l.[Scope] = 'A', cast(l.[GST] as decimal(19, 4)), 0)) as [GSTA]
    from [bill].[Invoice Line] l
    where l.[InvoiceId] = i.[InvoiceId]
) s
