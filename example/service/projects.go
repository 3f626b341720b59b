package service

import (
	"errors"
	"net/http"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/example/saas"
)

type projectJSON struct {
	ID      uint       `json:"id"`
	Slug    string     `json:"slug"`
	Name    string     `json:"name"`
	OwnerID uint       `json:"owner_id"`
	Tasks   []taskJSON `json:"tasks"`
	Tags    []string   `json:"tags"`
}

func toProject(p saas.Project) projectJSON {
	out := projectJSON{p.ID, p.Slug, p.Name, p.OwnerID, []taskJSON{}, []string{}}
	for _, task := range p.Tasks {
		out.Tasks = append(out.Tasks, toTask(task))
	}
	for _, tag := range p.Tags {
		out.Tags = append(out.Tags, tag.Label)
	}
	return out
}

// withParts loads the tasks and tags of projects too.
func withParts(db *gorm.DB) *gorm.DB {
	by := func(column string) func(*gorm.DB) *gorm.DB {
		return func(db *gorm.DB) *gorm.DB {
			return db.Order(clause.OrderByColumn{
				Column: clause.Column{Table: clause.CurrentTable, Name: column},
			})
		}
	}
	return db.Preload("Tasks", by("id")).Preload("Tags", by("label"))
}

const pageOfProjects = 100

// listProjects answers with a page of projects, and with what to ask for as ?after= to get the
// next.
func (s *Server) listProjects(r *http.Request) (answer, error) {
	var after uint64
	if text := r.FormValue("after"); text != "" {
		var err error
		if after, err = strconv.ParseUint(text, 10, strconv.IntSize-1); err != nil {
			return answer{}, badRequest(`"after" is not the ID of a project.`)
		}
	}
	var projects []saas.Project
	err := s.db.WithContext(r.Context()).Scopes(withParts).
		Where("id > ?", after).Order("id").Limit(pageOfProjects + 1).Find(&projects).Error
	if err != nil {
		return answer{}, err
	}
	out := struct {
		Projects []projectJSON `json:"projects"`
		Next     uint          `json:"next,omitempty"`
	}{Projects: []projectJSON{}}
	if len(projects) > pageOfProjects {
		projects = projects[:pageOfProjects]
		out.Next = projects[pageOfProjects-1].ID
	}
	for _, project := range projects {
		out.Projects = append(out.Projects, toProject(project))
	}
	return ok(out)
}

// createProject makes a project of the user who asks.
func (s *Server) createProject(r *http.Request) (answer, error) {
	var in struct {
		Slug string `json:"slug"`
		Name string `json:"name"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if err := errors.Join(checkSlug(in.Slug), checkText("name", in.Name, 200)); err != nil {
		return answer{}, err
	}
	project := saas.Project{Slug: in.Slug, Name: in.Name, OwnerID: sessionOf(r.Context()).user}
	if err := s.db.WithContext(r.Context()).Create(&project).Error; err != nil {
		return answer{}, err
	}
	return created(toProject(project))
}

func (s *Server) getProject(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	var project saas.Project
	if err := s.db.WithContext(r.Context()).Scopes(withParts).First(&project, "id = ?", id).
		Error; err != nil {
		return answer{}, err
	}
	return ok(toProject(project))
}

func (s *Server) changeProject(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	var in struct {
		Slug *string `json:"slug"`
		Name *string `json:"name"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	changes := map[string]any{}
	if in.Slug != nil {
		changes["slug"], err = *in.Slug, checkSlug(*in.Slug)
	}
	if in.Name != nil {
		changes["name"], err = *in.Name, errors.Join(err, checkText("name", *in.Name, 200))
	}
	if err == nil {
		err = change(s.db.WithContext(r.Context()).Model(&saas.Project{}), id, changes)
	}
	if err != nil {
		return answer{}, err
	}
	return s.getProject(r)
}

// change updates one row of the model of db. If there is none, who reads it afterwards will notice.
func change(db *gorm.DB, id uint, changes map[string]any) error {
	if len(changes) == 0 {
		return badRequest("The body changes nothing.")
	}
	return db.Where("id = ?", id).Updates(changes).Error
}

// deleteProject deletes a project and its tasks, and takes its tags from it.
func (s *Server) deleteProject(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	err = s.db.WithContext(r.Context()).Transaction(func(tx *gorm.DB) error {
		var project saas.Project
		if err := tx.First(&project, "id = ?", id).Error; err != nil {
			return err
		}
		return tx.Select("Tasks", "Tags").Delete(&project).Error
	})
	if err != nil {
		return answer{}, err
	}
	return done()
}

// checkSlug returns an error unless slug can name a project in a URL.
func checkSlug(slug string) error {
	valid := len(slug) >= 1 && len(slug) <= 63
	for _, c := range []byte(slug) {
		valid = valid && (c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z')
	}
	if !valid {
		return badRequest(`"slug" must be 1 to 63 lower-case letters, digits and hyphens.`)
	}
	return nil
}
