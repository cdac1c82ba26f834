CREATE TABLE IF NOT EXISTS flue_meta (
    format integer NOT NULL
);
INSERT INTO flue_meta SELECT 1 WHERE NOT EXISTS (SELECT FROM flue_meta);
CREATE TABLE IF NOT EXISTS flue_session (
    harness text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (harness, session)
);
CREATE TABLE IF NOT EXISTS flue_entry (
    harness text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (harness, session, number),
    FOREIGN KEY (harness, session) REFERENCES flue_session ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS flue_prompt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text COLLATE "C" UNIQUE,
    harness text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    content text NOT NULL,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'failed', 'aborted')),
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    time_limit_ms bigint NOT NULL,
    deadline timestamptz,
    owner text,
    lease_until timestamptz,
    abort_wanted boolean NOT NULL DEFAULT false,
    outcome text,
    created timestamptz NOT NULL DEFAULT now(),
    settled timestamptz
);
CREATE INDEX IF NOT EXISTS flue_prompt_open ON flue_prompt (harness, session, id) WHERE status IN ('queued', 'running');
