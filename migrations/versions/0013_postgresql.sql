UPDATE outbox SET taken = attempts WHERE taken IS NULL AND attempts > 0

DROP INDEX ix_outbox_under_way

CREATE INDEX ix_outbox_under_way ON outbox (contact_id) WHERE (state = 'sending' OR (state = 'queued' AND taken IS NOT NULL))

CREATE INDEX ix_job_run_job_started_at ON job_run (job, started_at)
