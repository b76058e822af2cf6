select k.ord as "$ord",
       t.bill_id as "$key",
       t.account_no as "$owner.account",
       t.bill_id as "invoiceNumber",
       t.issue_date as "issueDate",
       t.due_date as "dueDate",
       printf('%d.%02d', t.total_cents / 100, t.total_cents % 100) as "invoiceAmount",
       '0.00' as "balanceAtIssue",
       (select printf('%d.%02d', sum(l.cents) / 100, sum(l.cents) % 100)
        from bill_lines l where l.bill_id = t.bill_id) as "electricity.totalUsageCharges",
       '0.00' as "electricity.totalGenerationCredits",
       '0.00' as "electricity.totalOnceOffCharges",
       '0.00' as "electricity.totalOnceOffDiscounts",
       'PAID' as "paymentStatus"
from {keys} k
join bills t on t.bill_id = k.bill_id
