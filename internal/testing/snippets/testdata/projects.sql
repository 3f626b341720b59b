CREATE TABLE projects (id bigint PRIMARY KEY, tenant_id text NOT NULL, name text);
