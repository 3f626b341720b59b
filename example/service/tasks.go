package service

import (
	"errors"
	"net/http"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
)

type taskJSON struct {
	ID        uint   `json:"id"`
	ProjectID uint   `json:"project_id"`
	Title     string `json:"title"`
	Done      bool   `json:"done"`
}

func toTask(t saas.Task) taskJSON { return taskJSON{t.ID, t.ProjectID, t.Title, t.Done} }

func (s *Server) listTasks(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	var project saas.Project
	if err := s.db.WithContext(r.Context()).Scopes(withParts).First(&project, "id = ?", id).
		Error; err != nil {
		return answer{}, err
	}
	return ok(struct {
		Tasks []taskJSON `json:"tasks"`
	}{toProject(project).Tasks})
}

// createTask leaves it to the plugin to find out whether there is such a project: see
// tenantplugin.CheckReferences.
func (s *Server) createTask(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	var in struct {
		Title string `json:"title"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if err := checkText("title", in.Title, 200); err != nil {
		return answer{}, err
	}
	task := saas.Task{ProjectID: id, Title: in.Title}
	if err := s.db.WithContext(r.Context()).Create(&task).Error; err != nil {
		return answer{}, err
	}
	return created(toTask(task))
}

// changeTask changes a task, which may be to move it to another project.
func (s *Server) changeTask(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	var in struct {
		Title     *string `json:"title"`
		Done      *bool   `json:"done"`
		ProjectID *uint   `json:"project_id"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	changes := map[string]any{}
	if in.Title != nil {
		changes["title"], err = *in.Title, checkText("title", *in.Title, 200)
	}
	if in.Done != nil {
		changes["done"] = *in.Done
	}
	if in.ProjectID != nil {
		changes["project_id"], err = *in.ProjectID, errors.Join(err, checkID(*in.ProjectID))
	}
	if err == nil {
		err = change(s.db.WithContext(r.Context()).Model(&saas.Task{}), id, changes)
	}
	if err != nil {
		return answer{}, err
	}
	var task saas.Task
	if err := s.db.WithContext(r.Context()).First(&task, "id = ?", id).Error; err != nil {
		return answer{}, err
	}
	return ok(toTask(task))
}

func (s *Server) deleteTask(r *http.Request) (answer, error) {
	id, err := pathID(r)
	if err != nil {
		return answer{}, err
	}
	tx := s.db.WithContext(r.Context()).Delete(&saas.Task{}, "id = ?", id)
	if tx.Error == nil && tx.RowsAffected == 0 {
		return answer{}, gorm.ErrRecordNotFound
	}
	if tx.Error != nil {
		return answer{}, tx.Error
	}
	return done()
}
