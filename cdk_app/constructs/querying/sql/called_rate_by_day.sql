-- The share of posts that the model called ${positive}, day by day: biased wherever the model is.
-- The page docs/stress-rate.md says how to correct it with a sample of labels. No interval stands
-- here: one around the called rate would promise what it does not keep.
SELECT
    "date",
    count(*) AS posts,
    cast(count_if(${label_field}) AS double) / count(*) AS called_rate,
    avg(probability) AS mean_probability
FROM ${database}.predictions
WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
GROUP BY "date"
ORDER BY "date"
