-- Quarantined records by reason in the last seven days, with the first one's position.
SELECT
    "date",
    reason,
    count(*) AS records,
    min(arrived_at) AS first_arrival,
    max(arrived_at) AS last_arrival,
    min_by(shard || '/' || sequence_number, arrived_at) AS first_position
FROM ${database}.quarantine
WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
GROUP BY "date", reason
ORDER BY "date", records DESC, reason
