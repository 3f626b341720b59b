-- +goose Up
CREATE TABLE tasks (id bigserial PRIMARY KEY, project_id bigint NOT NULL REFERENCES projects (id));
-- +goose StatementBegin
DO $$ BEGIN
	INSERT INTO projects (name) VALUES ('first');
END $$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE tasks;
