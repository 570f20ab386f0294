package seal

import (
	"errors"
	"fmt"
)

// Keys are changed in an order in which every envelope finds its key:
//
//	Rotate    everybody learns a new key, nobody seals with it yet
//	Promote   the doors begin to seal with it; the old key still opens
//	Disable   the old key no longer opens: can be taken back with Enable
//	Destroy   it is gone, with every envelope that still needs it
//
// Each step is another version of the file, and has to reach every process
// before the next is taken.

// Rotate adds a new key that opens envelopes but does not seal them until it
// is promoted. It returns the key's id.
func (k *Keyset) Rotate() (uint32, error) {
	if k.purpose != Envelopes {
		return 0, errors.New("rotate keyset: a key for tokens is not rotated, for tokens of two keys cannot be compared; create a new keyset")
	}
	id, err := k.add()
	if err != nil {
		return 0, fmt.Errorf("rotate keyset: %w", err)
	}
	return id, nil
}

// Promote makes the key primary: what is sealed from now on is sealed with it.
func (k *Keyset) Promote(id uint32) error {
	key, err := k.find(id)
	if err != nil {
		return fmt.Errorf("promote key %d: %w", id, err)
	}
	if key.Status != enabled {
		return fmt.Errorf("promote key %d: it is %s; enable it first and let every process learn that", id, key.Status)
	}
	return k.change("promote", id, k.manager.SetPrimary)
}

// Enable takes Disable back.
func (k *Keyset) Enable(id uint32) error {
	if _, err := k.find(id); err != nil {
		return fmt.Errorf("enable key %d: %w", id, err)
	}
	return k.change("enable", id, k.manager.Enable)
}

// Disable keeps the key but lets it open nothing. It refuses the primary key.
func (k *Keyset) Disable(id uint32) error {
	key, err := k.find(id)
	if err != nil {
		return fmt.Errorf("disable key %d: %w", id, err)
	}
	if key.Primary {
		return fmt.Errorf("disable key %d: it is the primary key; promote another one first", id)
	}
	return k.change("disable", id, k.manager.Disable)
}

// Destroy takes the key out of the keyset. It refuses the primary key, and one
// that is not disabled: what is disabled for a while and not missed is not
// needed any more.
func (k *Keyset) Destroy(id uint32) error {
	key, err := k.find(id)
	if err != nil {
		return fmt.Errorf("destroy key %d: %w", id, err)
	}
	if key.Primary {
		return fmt.Errorf("destroy key %d: it is the primary key; promote another one first", id)
	}
	if key.Status != disabled {
		return fmt.Errorf("destroy key %d: it is %s; disable it first and see that no envelope asks for it", id, key.Status)
	}
	return k.change("destroy", id, k.manager.Delete)
}

const (
	enabled  = "enabled"
	disabled = "disabled"
)

func (k *Keyset) find(id uint32) (KeyInfo, error) {
	for _, key := range k.Keys() {
		if key.ID == id {
			return key, nil
		}
	}
	return KeyInfo{}, errors.New("there is no such key in the keyset")
}

func (k *Keyset) change(doing string, id uint32, change func(uint32) error) error {
	if err := change(id); err != nil {
		return fmt.Errorf("%s key %d: the keyset refuses it", doing, id)
	}
	return nil
}
