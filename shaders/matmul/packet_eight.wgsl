// A packet is eight f16, which are 16 bytes: drivers see that they are aligned, and load them at once.
//
// provides: Input, Operand, PACKET, Weight, WeightOperand, four_of, masked, unpack_operand; needs: Element

const PACKET: u32 = 8u;
alias Operand = array<vec4<Element>, 2>;
alias Input = Operand;
alias Weight = Operand;
alias WeightOperand = Operand;

fn unpack_operand(stored: WeightOperand) -> Operand { return stored; }

fn four_of(x: Operand, i: u32) -> vec4<Element> {
    if i == 0u { return x[0]; }
    return x[1];
}

fn masked(x: Operand, present: bool) -> Operand {
    let none = vec4<Element>(0);
    return Operand(select(none, x[0], present), select(none, x[1], present));
}
