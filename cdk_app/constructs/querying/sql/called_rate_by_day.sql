-- Share of posts predicted as ${positive} per day: biased if the model is.
-- docs/stress-rate.md explains how a labelled sample corrects it. An interval around the called rate
-- would miss this bias, so the query has none.
SELECT
    "date",
    count(*) AS posts,
    cast(count_if(${label_field}) AS double) / count(*) AS called_rate,
    avg(probability) AS mean_probability
FROM ${database}.predictions
WHERE "date" >= date_format(current_date - interval '7' day, '%Y-%m-%d')
GROUP BY "date"
ORDER BY "date"
