//! Bytes: flips, cuts and insertions; and safetensors files, damaged or consistent but not the ones that were saved.

use super::json::{self, Node};
use super::random::Random;

/// Damages any file.
pub fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.size(8) {
        let place = random.below(bytes.len() + 1);
        match random.below(6) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, random.number() as u8),
            2 => {
                let end = (place + random.size(64)).min(bytes.len());
                bytes.drain(place..end);
            }
            3 => {
                let end = (place + random.size(64)).min(bytes.len());
                let piece = bytes[place..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            _ if bytes.is_empty() => {}
            4 => {
                let place = place % bytes.len();
                bytes[place] ^= 1 << random.below(8);
            }
            _ => {
                let place = place % bytes.len();
                bytes[place] = *random.pick(b"\0\xff\x7f\x80\"{}[]:,0-9\\\n");
            }
        }
    }
}

/// A tensor of a safetensors file.
#[derive(Clone)]
struct Tensor {
    name: String,
    element: String,
    shape: Vec<u64>,
    data: Vec<u8>,
}

/// A safetensors file, taken apart.
#[derive(Clone)]
pub struct Safetensors(Vec<Tensor>);

impl Safetensors {
    pub fn parse(bytes: &[u8]) -> Safetensors {
        let file = safetensors::SafeTensors::deserialize(bytes).expect("the file that is mutated is valid");
        let tensor = |(name, view): (String, safetensors::tensor::TensorView<'_>)| Tensor {
            name,
            element: format!("{:?}", view.dtype()),
            shape: view.shape().iter().map(|&size| size as u64).collect(),
            data: view.data().to_vec(),
        };
        let mut tensors: Vec<Tensor> = file.tensors().into_iter().map(tensor).collect();
        tensors.sort_by(|one, other| one.name.cmp(&other.name));
        Safetensors(tensors)
    }

    /// The file's header and data: valid if the sizes are.
    fn header(&self) -> (Node, Vec<u8>) {
        let (mut entries, mut data) = (Vec::new(), Vec::new());
        for Tensor { name, element, shape, data: own } in &self.0 {
            let start = data.len();
            data.extend(own);
            let numbers = |numbers: &[u64]| Node::Array(numbers.iter().map(|n| Node::Raw(n.to_string())).collect());
            let offsets = numbers(&[start as u64, data.len() as u64]);
            let fields = [("dtype", Node::string(element)), ("shape", numbers(shape)), ("data_offsets", offsets)];
            entries.push((name.clone(), Node::Object(fields.map(|(key, value)| (key.to_string(), value)).into())));
        }
        (Node::Object(entries), data)
    }

    pub fn write(&self) -> Vec<u8> {
        let (header, data) = self.header();
        join(header.text().as_bytes(), &data)
    }

    /// The tensors shared out over two files, with the index of both.
    pub fn shards(&self) -> (Node, [Vec<u8>; 2]) {
        let (one, other) = self.0.split_at(self.0.len() / 2);
        let place = |tensors: &[Tensor], file: &str| {
            tensors.iter().map(|tensor| (tensor.name.clone(), Node::string(file))).collect::<Vec<_>>()
        };
        let map = [place(one, SHARDS[0]), place(other, SHARDS[1])].concat();
        let index = Node::Object(vec![("weight_map".into(), Node::Object(map))]);
        (index, [one, other].map(|tensors| Safetensors(tensors.to_vec()).write()))
    }

    /// A file that is no longer the one that was saved: its bytes, its header, or tensors of another name, size or type.
    pub fn mutated(&self, random: &mut Random) -> Vec<u8> {
        match random.below(4) {
            0 => {
                let mut bytes = self.write();
                if random.once_in(2) {
                    // Damage where it matters: the data is most of the file, and any bytes are numbers.
                    let (header, data) = self.header();
                    let mut header = header.text().into_bytes();
                    damage(&mut header, random);
                    bytes = join(&header, &data);
                }
                match random.below(4) {
                    0 => bytes[..8].copy_from_slice(&random.number().to_le_bytes()),
                    1 => {
                        let length = random.size(2 * bytes.len()) as u64;
                        bytes[..8].copy_from_slice(&length.to_le_bytes());
                    }
                    _ => damage(&mut bytes, random),
                }
                bytes
            }
            1 => {
                let (mut header, data) = self.header();
                for _ in 0..1 + random.size(4) {
                    json::mutate(&mut header, random, &[]);
                }
                join(header.text().as_bytes(), &data)
            }
            _ => {
                let mut file = self.clone();
                for _ in 0..1 + random.size(4) {
                    file.change(random);
                }
                file.write()
            }
        }
    }

    /// Changes one tensor such that the file may still be valid.
    fn change(&mut self, random: &mut Random) {
        let Safetensors(tensors) = self;
        if tensors.is_empty() {
            return;
        }
        let (place, other) = (random.below(tensors.len()), random.below(tensors.len()));
        let tensor = &mut tensors[place];
        match random.below(10) {
            0 => drop(tensors.remove(place)),
            1 => tensor.shape.reverse(),
            2 => tensor.shape.insert(random.below(tensor.shape.len() + 1), 1),
            3 => {
                // Nothing of it is left, and its other sizes may be any.
                tensor.data.clear();
                tensor.shape.push(0);
                let size = random.below(tensor.shape.len() - 1);
                tensor.shape[size] = random.number() >> random.below(64);
            }
            4 => {
                (tensor.element, tensor.shape) = ("F16".into(), tensor.shape.iter().copied().chain([2]).collect());
                if tensor.shape.len() == 3 {
                    tensor.shape = vec![tensor.shape[0], 2 * tensor.shape[1]];
                }
            }
            5 => tensor.element = (*random.pick(&["F16", "BF16", "F64", "I32", "U8", "F4", "BOOL", "C64"])).into(),
            6 => {
                let bytes: [u8; 4] = (random.number() as u32 | 0x7f80_0000).to_le_bytes();
                let start = random.below(tensor.data.len().max(4) - 3);
                tensor.data.iter_mut().skip(start).zip(bytes).for_each(|(byte, new)| *byte = new);
            }
            7 => tensor.name = format!("{}{}", random.pick(&["module.", "cls.", "bert.", "", "x"]), tensor.name),
            8 => {
                let shape = tensors[other].shape.clone();
                tensors[place].shape = shape;
            }
            _ => {
                let name = tensors[other].name.clone();
                tensors[other].name = std::mem::replace(&mut tensors[place].name, name);
            }
        }
    }
}

pub const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

fn join(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}
