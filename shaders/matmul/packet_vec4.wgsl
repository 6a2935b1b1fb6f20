// A packet is four elements.
//
// provides: Input, Operand, PACKET, WeightOperand, four_of, masked, unpack_operand; needs: Element, Stored, Weight, unpack

const PACKET: u32 = 4u;
alias Input = Stored;
alias Operand = vec4<Element>;
alias WeightOperand = Weight;

fn unpack_operand(stored: WeightOperand) -> Operand { return unpack(stored, 0u); }
fn four_of(x: Operand, i: u32) -> vec4<Element> { return x; }
fn masked(x: Operand, present: bool) -> Operand { return select(Operand(0), x, present); }
