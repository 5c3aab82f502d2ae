-- The share of posts that were called stressed, day by day, with its 95 % interval (Wilson, 1927).
WITH days AS (
    SELECT
        "date",
        cast(count(*) AS double) AS posts,
        cast(count_if(stressed) AS double) / count(*) AS rate,
        avg(probability) AS mean_probability
    FROM ${database}.predictions
    WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
    GROUP BY "date"
)
SELECT
    "date",
    cast(posts AS bigint) AS posts,
    rate AS stress_rate,
    (rate + 1.9208 / posts - 1.96 * sqrt((rate * (1 - rate) + 0.9604 / posts) / posts))
        / (1 + 3.8416 / posts) AS low,
    (rate + 1.9208 / posts + 1.96 * sqrt((rate * (1 - rate) + 0.9604 / posts) / posts))
        / (1 + 3.8416 / posts) AS high,
    mean_probability
FROM days
ORDER BY "date"
