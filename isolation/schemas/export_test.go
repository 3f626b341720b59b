package schemas

// RoleOf returns the role of a schema.
func RoleOf(s *Provisioner, schema string) string { return s.roleOf(schema) }
