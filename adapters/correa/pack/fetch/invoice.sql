-- Credits are negative on the lines; the CDR wants totals of credits positive.
select k.ord           as "$ord",
       b.bill_id       as "$key",
       b.account_no    as "$owner.account",
       b.bill_no       as "invoiceNumber",
       b.issued_on     as "issueDate",
       b.due_on        as "dueDate",
       b.period_from   as "period.startDate",
       b.period_to     as "period.endDate",
       b.total         as "invoiceAmount",
       b.gst           as "gstAmount",
       b.early_amount  as "payOnTimeDiscount.discountAmount",
       b.early_gst     as "payOnTimeDiscount.gstAmount",
       b.early_until   as "payOnTimeDiscount.date",
       b.balance_after as "balanceAtIssue",
       b.paid          as "paymentStatus",
       e.usage         as "electricity.totalUsageCharges",
       -e.generation   as "electricity.totalGenerationCredits",
       e.charges       as "electricity.totalOnceOffCharges",
       -e.discounts    as "electricity.totalOnceOffDiscounts",
       e.gst           as "electricity.totalGst",
       g.usage         as "gas.totalUsageCharges",
       -g.generation   as "gas.totalGenerationCredits",
       g.charges       as "gas.totalOnceOffCharges",
       -g.discounts    as "gas.totalOnceOffDiscounts",
       g.gst           as "gas.totalGst",
       a.charges       as "accountCharges.totalCharges",
       -a.discounts    as "accountCharges.totalDiscounts",
       a.gst           as "accountCharges.totalGst"
from {keys} k
join billing.bill b on b.bill_id = k.bill_id
left join lateral (
    select coalesce(sum(l.amount) filter (where l.kind = 'USE'), 0) as usage,
           coalesce(sum(l.amount) filter (where l.kind = 'GEN'), 0) as generation,
           coalesce(sum(l.amount) filter (where l.kind = 'CHG'), 0) as charges,
           coalesce(sum(l.amount) filter (where l.kind = 'DSC'), 0) as discounts,
           sum(l.gst) as gst
    from billing.bill_line l
    where l.bill_id = b.bill_id and l.scope = 'E'
    having count(*) > 0
) e on true
left join lateral (
    select coalesce(sum(l.amount) filter (where l.kind = 'USE'), 0) as usage,
           coalesce(sum(l.amount) filter (where l.kind = 'GEN'), 0) as generation,
           coalesce(sum(l.amount) filter (where l.kind = 'CHG'), 0) as charges,
           coalesce(sum(l.amount) filter (where l.kind = 'DSC'), 0) as discounts,
           sum(l.gst) as gst
    from billing.bill_line l
    where l.bill_id = b.bill_id and l.scope = 'G'
    having count(*) > 0
) g on true
left join lateral (
    select coalesce(sum(l.amount) filter (where l.kind = 'CHG'), 0) as charges,
           coalesce(sum(l.amount) filter (where l.kind = 'DSC'), 0) as discounts,
           sum(l.gst) as gst
    from billing.bill_line l
    where l.bill_id = b.bill_id and l.scope = 'A'
    having count(*) > 0
) a on true
