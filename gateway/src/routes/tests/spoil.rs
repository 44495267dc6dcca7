//! Spoils a sample: every field of it, in every way.

use serde_json::{Value, json};

/// Every field of a value replaced by every wrong value, and left out.
pub fn spoiled(sample: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for pointer in pointers(sample) {
        for wrong in wrong_values() {
            let mut body = sample.clone();
            if let Some(field) = body.pointer_mut(&pointer) {
                *field = wrong;
            }
            all.push(body);
        }
        let mut body = sample.clone();
        remove(&mut body, &pointer);
        all.push(body);
    }
    all
}

fn wrong_values() -> [Value; 9] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_993_i64),
        json!("wrong"),
        json!("\u{0}"),
        json!([[]]),
        json!({ "wrong": {} }),
    ]
}

fn remove(body: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(object)) = body.pointer_mut(parent) {
        object.remove(&name.replace("~1", "/").replace("~0", "~"));
    }
}

fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(name, value)| (escaped(name), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = |(name, value): (String, &Value)| {
        let mine = format!("/{name}");
        let deeper: Vec<String> = pointers(value).iter().map(|pointer| format!("{mine}{pointer}")).collect();
        std::iter::once(mine).chain(deeper)
    };
    children.into_iter().flat_map(below).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
