-- Predicted posts and their communities per hour in the last seven days.
SELECT
    "date",
    -- The partition's hour is when the row's window began.
    date_format(predicted_at, '%H') AS "hour",
    count(*) AS posts,
    count(DISTINCT source) AS communities
FROM ${database}.predictions
WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
GROUP BY "date", date_format(predicted_at, '%H')
ORDER BY "date", "hour"
