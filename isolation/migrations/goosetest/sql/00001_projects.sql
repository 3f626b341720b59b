-- +goose Up
CREATE TABLE projects (id bigserial PRIMARY KEY, name text NOT NULL);
CREATE INDEX idx_projects_name ON projects (name);

-- +goose Down
DROP TABLE projects;
