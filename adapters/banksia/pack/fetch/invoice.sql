-- Credits are negative on the lines; the CDR wants totals of credits positive.
select k.ord           as "$ord",
       i.invoice_id    as "$key",
       i.acct_no       as "$owner.account",
       i.invoice_no    as "invoiceNumber",
       i.issued_on     as "issueDate",
       i.due_on        as "dueDate",
       i.period_from   as "period.startDate",
       i.period_until  as "period.endDate",
       i.total         as "invoiceAmount",
       i.gst           as "gstAmount",
       i.early_amount  as "payOnTimeDiscount.discountAmount",
       i.early_gst     as "payOnTimeDiscount.gstAmount",
       i.early_until   as "payOnTimeDiscount.date",
       i.balance_after as "balanceAtIssue",
       i.paid          as "paymentStatus",
       if(sum(l.scope = 'E') > 0, sum(if(l.scope = 'E' and l.kind = 'USE', l.amount, 0)), null) as "electricity.totalUsageCharges",
       if(sum(l.scope = 'E') > 0, -sum(if(l.scope = 'E' and l.kind = 'GEN', l.amount, 0)), null) as "electricity.totalGenerationCredits",
       if(sum(l.scope = 'E') > 0, sum(if(l.scope = 'E' and l.kind = 'CHG', l.amount, 0)), null) as "electricity.totalOnceOffCharges",
       if(sum(l.scope = 'E') > 0, -sum(if(l.scope = 'E' and l.kind = 'DSC', l.amount, 0)), null) as "electricity.totalOnceOffDiscounts",
       if(sum(l.scope = 'E') > 0, sum(if(l.scope = 'E', l.gst, 0)), null) as "electricity.totalGst",
       if(sum(l.scope = 'G') > 0, sum(if(l.scope = 'G' and l.kind = 'USE', l.amount, 0)), null) as "gas.totalUsageCharges",
       if(sum(l.scope = 'G') > 0, -sum(if(l.scope = 'G' and l.kind = 'GEN', l.amount, 0)), null) as "gas.totalGenerationCredits",
       if(sum(l.scope = 'G') > 0, sum(if(l.scope = 'G' and l.kind = 'CHG', l.amount, 0)), null) as "gas.totalOnceOffCharges",
       if(sum(l.scope = 'G') > 0, -sum(if(l.scope = 'G' and l.kind = 'DSC', l.amount, 0)), null) as "gas.totalOnceOffDiscounts",
       if(sum(l.scope = 'G') > 0, sum(if(l.scope = 'G', l.gst, 0)), null) as "gas.totalGst",
       if(sum(l.scope = 'A') > 0, sum(if(l.scope = 'A' and l.kind = 'CHG', l.amount, 0)), null) as "accountCharges.totalCharges",
       if(sum(l.scope = 'A') > 0, -sum(if(l.scope = 'A' and l.kind = 'DSC', l.amount, 0)), null) as "accountCharges.totalDiscounts",
       if(sum(l.scope = 'A') > 0, sum(if(l.scope = 'A', l.gst, 0)), null) as "accountCharges.totalGst"
from {keys} k
join bil_invoice i on i.invoice_id = k.invoice_id
left join bil_invoice_line l on l.invoice_id = i.invoice_id
group by k.ord, i.invoice_id
